import nbformat, re
from pathlib import Path
import os
ROOT=Path(os.environ.get('NBROOT','/work/main'))
class NB:
    def __init__(self): self.cells=[]
    def md(self,id,src):
        c=nbformat.v4.new_markdown_cell(src.strip('\n')); c['id']=id; c['metadata']={}; self.cells.append(c)
    def code(self,id,src,tags=None):
        c=nbformat.v4.new_code_cell(src.strip('\n')); c['id']=id; c['metadata']={'tags':tags} if tags else {}; self.cells.append(c)
    def answer(self,qid,points,src,):
        c=nbformat.v4.new_code_cell(src.strip('\n')); c['id']=qid
        c['metadata']={'nbgrader':{'grade':False,'grade_id':qid,'locked':False,'schema_version':3,'solution':True,'task':False}}; self.cells.append(c)
    def checkcell(self,qid,points):
        c=nbformat.v4.new_code_cell(f'check("{qid}")'); c['id']=qid+'-check'
        c['metadata']={'nbgrader':{'grade':True,'grade_id':qid+'-check','locked':True,'points':points,'schema_version':3,'solution':False,'task':False}}; self.cells.append(c)
    def save(self,path):
        nb=nbformat.v4.new_notebook(); nb['nbformat_minor']=5
        nb['cells']=self.cells
        nb['metadata']={'kernelspec':{'display_name':'Python 3','language':'python','name':'python3'},'language_info':{'name':'python'}}
        ids=[c['id'] for c in self.cells]; assert len(set(ids))==len(ids),[i for i in ids if ids.count(i)>1]
        nbformat.write(nb,ROOT/path)
